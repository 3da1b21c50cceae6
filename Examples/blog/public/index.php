<?php

// The front controller: nginx sends every request here for which there is no file (try_files), and php-fpm runs it.

declare(strict_types=1);

require __DIR__ . '/../src/autoload.php';

$assets = new Blog\Assets(__DIR__);
$site = new Blog\Site(new Blog\Posts(__DIR__ . '/../posts'), new Blog\View(__DIR__ . '/../templates', $assets));
$site->answer($_SERVER['REQUEST_METHOD'] ?? 'GET', $_SERVER['REQUEST_URI'] ?? '/')->send();
