<?php

declare(strict_types=1);

namespace Blog;

/** Templates: files of PHP that get their values as variables and `$this`. */
final class View
{
    public function __construct(private readonly string $folder, private readonly Assets $assets)
    {
    }

    /** @param array<string, mixed> $values */
    public function render(string $template, array $values): string
    {
        return $this->fill('layout', $values + ['content' => $this->fill($template, $values)]);
    }

    /** Text for HTML, in elements and in quoted attributes. */
    public function escape(string $text): string
    {
        return htmlspecialchars($text, ENT_QUOTES | ENT_SUBSTITUTE | ENT_HTML5, 'UTF-8');
    }

    /** The address of a file in `public/`. */
    public function asset(string $name): string
    {
        return $this->escape($this->assets->path($name));
    }

    /** Who answers: the version and the pod, which the pod template puts into the environment, and this PHP. */
    public function answeredBy(): string
    {
        return sprintf(
            'Version %s, answered by %s (PHP %s, %s, process %d)',
            getenv('APP_VERSION') ?: 'dev',
            getenv('POD_NAME') ?: php_uname('n'),
            PHP_VERSION,
            PHP_SAPI,
            getmypid(),
        );
    }

    /** @param array<string, mixed> $values */
    private function fill(string $template, array $values): string
    {
        extract($values);
        ob_start();
        require "{$this->folder}/$template.php";
        return (string) ob_get_clean();
    }
}
