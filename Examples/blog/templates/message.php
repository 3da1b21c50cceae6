<h1><?= $this->escape($title) ?></h1>
<p><?= $this->escape($text ?? '') ?></p>
