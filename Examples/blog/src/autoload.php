<?php

declare(strict_types=1);

// One class a file, and nothing to install.
spl_autoload_register(static function (string $class): void {
    $file = __DIR__ . '/' . substr($class, strlen('Blog\\')) . '.php';
    if (str_starts_with($class, 'Blog\\') && is_file($file)) {
        require $file;
    }
});
