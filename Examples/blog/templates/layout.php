<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title><?= $this->escape($title) ?></title>
<link rel="stylesheet" href="<?= $this->asset('style.css') ?>">
<link rel="icon" href="<?= $this->asset('icon.svg') ?>">
</head>
<body>
<header><a href="/">The blog of domain.com</a></header>
<main>
<?= $content ?>
</main>
<footer><?= $this->escape($this->answeredBy()) ?></footer>
</body>
</html>
