<?php

declare(strict_types=1);

namespace Blog;

/** What is at which address. */
final class Site
{
    public function __construct(private readonly Posts $posts, private readonly View $view)
    {
    }

    public function answer(string $method, string $uri): Response
    {
        if ($method !== 'GET' && $method !== 'HEAD') {
            return $this->page(405, 'message', ['title' => 'Only to be read'], ['Allow' => 'GET, HEAD']);
        }
        $path = rawurldecode(explode('?', $uri, 2)[0]);
        if ($path === '/' || $path === '/index.php') {
            return $this->page(200, 'index', ['title' => 'Blog', 'posts' => $this->posts->all()]);
        }
        if (preg_match('#^/posts/([a-z0-9-]+)$#', $path, $match) && $post = $this->posts->find($match[1])) {
            return $this->page(200, 'post', ['title' => $post->title, 'post' => $post]);
        }
        return $this->page(404, 'message', ['title' => 'Not found', 'text' => "There is nothing at $path."]);
    }

    /**
     * @param array<string, mixed> $values
     * @param array<string, string> $headers
     */
    private function page(int $status, string $template, array $values, array $headers = []): Response
    {
        // Pages name the assets of their own version: what is kept in a cache must not outlive it.
        $headers += ['Content-Type' => 'text/html; charset=utf-8', 'Cache-Control' => 'no-cache'];
        return new Response($status, $this->view->render($template, $values), $headers);
    }
}
