<?php

declare(strict_types=1);

namespace Blog;

/** One post. */
final class Post
{
    /** @param list<string> $paragraphs plain text */
    public function __construct(
        public readonly string $slug,
        public readonly string $date,
        public readonly string $title,
        public readonly array $paragraphs,
    ) {
    }

    /** Reads a file that is named `2015-10-25-the-slug.txt`: a title in its first line, then paragraphs with empty lines between them. */
    public static function read(string $path): self
    {
        if (!preg_match('/^(\d{4}-\d{2}-\d{2})-([a-z0-9-]+)\.txt$/', basename($path), $name)) {
            throw new \RuntimeException("$path is not named like a post");
        }
        $text = str_replace("\r\n", "\n", (string) file_get_contents($path));
        $blocks = preg_split('/\n\s*\n/', trim($text)) ?: [];
        return new self($name[2], $name[1], array_shift($blocks) ?? '', $blocks);
    }
}
