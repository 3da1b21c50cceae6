<h1><?= $this->escape($title) ?></h1>
<ul>
<?php foreach ($posts as $post) : ?>
<li><time><?= $this->escape($post->date) ?></time> <a href="/posts/<?= $this->escape($post->slug) ?>"><?= $this->escape($post->title) ?></a></li>
<?php endforeach ?>
</ul>
