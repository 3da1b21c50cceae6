<?php
// The app of ContainerTests: what it is, what it sees, and a request that lasts until redis says go.
header('Content-Type: text/plain');

function redis(string $command): string
{
    $connection = fsockopen('redis', 6379);
    fwrite($connection, $command . "\r\n");
    return trim(fgets($connection));
}

switch (parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH)) {
    case '/login':
        header('Location: https://' . $_SERVER['HTTP_HOST'] . '/welcome');
        break;
    case '/long':
        redis('SET long begun');
        while (redis('EXISTS go') !== ':1') {
            usleep(20000);
        }
        echo "finished\n";
        break;
    case '/long/state':
        echo redis('EXISTS long'), "\n";
        break;
    default:
        echo 'v1 ', getenv('APPLICATION_ENV'), ' ', $_SERVER['HTTPS'] ?? 'off', ' ', $_SERVER['HTTP_HOST'], ' uid ', posix_getuid(),
            ' visit ', redis('INCR visits'), "\n";
}
