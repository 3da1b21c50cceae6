<?php

declare(strict_types=1);

namespace Blog;

/**
 * Files that nginx serves under names with their contents' hash, `/style.1f0c2a9be4.css`, so that pages of two versions never
 * mean different files by one name, and browsers can keep them for ever. `bin/build-assets` makes these files; where it has not run,
 * as on a developer's machine, the plain name is used.
 */
final class Assets
{
    public function __construct(private readonly string $folder)
    {
    }

    public function path(string $name): string
    {
        $hash = substr((string) hash_file('sha256', "{$this->folder}/$name"), 0, 10);
        $hashed = pathinfo($name, PATHINFO_FILENAME) . ".$hash." . pathinfo($name, PATHINFO_EXTENSION);
        return is_file("{$this->folder}/$hashed") ? "/$hashed" : "/$name";
    }
}
