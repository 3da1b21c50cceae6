<article>
<h1><?= $this->escape($post->title) ?></h1>
<time><?= $this->escape($post->date) ?></time>
<?php foreach ($post->paragraphs as $paragraph) : ?>
<p><?= nl2br($this->escape($paragraph)) ?></p>
<?php endforeach ?>
</article>
