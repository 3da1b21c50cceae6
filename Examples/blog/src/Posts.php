<?php

declare(strict_types=1);

namespace Blog;

/** The posts in a folder. */
final class Posts
{
    public function __construct(private readonly string $folder)
    {
    }

    /** @return list<Post> the newest first */
    public function all(): array
    {
        $files = glob($this->folder . '/*.txt') ?: [];
        rsort($files);
        return array_map(Post::read(...), $files);
    }

    public function find(string $slug): ?Post
    {
        foreach ($this->all() as $post) {
            if ($post->slug === $slug) {
                return $post;
            }
        }
        return null;
    }
}
