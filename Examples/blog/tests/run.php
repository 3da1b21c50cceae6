<?php

// The blog's tests, without a framework: docker compose run --rm blog-test

declare(strict_types=1);

require __DIR__ . '/../src/autoload.php';

use Blog\Assets;
use Blog\Posts;
use Blog\Response;
use Blog\Site;
use Blog\View;

$folder = sys_get_temp_dir() . '/blog-tests-' . getmypid();
mkdir("$folder/posts", recursive: true);
mkdir("$folder/public");
file_put_contents("$folder/posts/2015-10-25-old.txt", "The old one\n\nText.\n");
file_put_contents("$folder/posts/2015-11-02-new.txt", "<script>new</script>\r\n\r\nOne & \"two\".\r\n\r\nThree.\r\n");
file_put_contents("$folder/public/style.css", "body {}\n");
file_put_contents("$folder/public/icon.svg", '<svg/>');

function get(string $uri, string $method = 'GET'): Response
{
    global $folder;
    $view = new View(__DIR__ . '/../templates', new Assets("$folder/public"));
    return (new Site(new Posts("$folder/posts"), $view))->answer($method, $uri);
}

$tests = [
    'the newest post comes first' => fn () => strpos(get('/')->body, '2015-11-02') < strpos(get('/')->body, '2015-10-25'),
    'a post has its paragraphs' => fn () => substr_count(get('/posts/new?from=index')->body, '<p>') === 2,
    'what is in a post is text, not HTML' => fn () =>
        !str_contains(get('/posts/new')->body, '<script>')
        && str_contains(get('/posts/new')->body, 'One &amp; &quot;two&quot;.'),
    'what is in an address is text, not HTML' => fn () =>
        get('/%3Cscript%3E')->status === 404 && !str_contains(get('/%3Cscript%3E')->body, '<script>'),
    'no address leads out of the folder of posts' => fn () => get('/posts/..%2f..%2fsecret')->status === 404,
    'an unknown post is not found' => fn () => get('/posts/none')->status === 404,
    'it can only be read' => fn () => get('/', 'POST')->status === 405 && get('/', 'HEAD')->status === 200,
    'a page says which version it is' => fn () => str_contains(get('/')->body, 'Version ' . (getenv('APP_VERSION') ?: 'dev')),
    'without built assets, a page names the plain file' => fn () => str_contains(get('/')->body, 'href="/style.css"'),
    'with built assets, a page names the one with the hash' => function () use ($folder) {
        $hash = substr(hash('sha256', "body {}\n"), 0, 10);
        copy("$folder/public/style.css", "$folder/public/style.$hash.css");
        return str_contains(get('/')->body, "href=\"/style.$hash.css\"");
    },
    'the posts of this blog can be read' => fn () => count((new Posts(__DIR__ . '/../posts'))->all()) > 0,
];

$failed = 0;
foreach ($tests as $name => $test) {
    $passed = $test() === true;
    $failed += $passed ? 0 : 1;
    echo $passed ? 'ok      ' : 'FAILED  ', $name, "\n";
}
foreach (new RecursiveIteratorIterator(
    new RecursiveDirectoryIterator($folder, FilesystemIterator::SKIP_DOTS),
    RecursiveIteratorIterator::CHILD_FIRST,
) as $left) {
    $left->isDir() ? rmdir($left->getPathname()) : unlink($left->getPathname());
}
rmdir($folder);
exit($failed === 0 ? 0 : 1);
