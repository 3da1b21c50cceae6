<?php
// A script that says what it gets, for tests of nginx in front of a real php-fpm.
header('Content-Type: application/json');
$given = array_intersect_key($_SERVER, array_flip([
    'APPLICATION_ENV', 'DOCUMENT_ROOT', 'HTTPS', 'HTTP_HOST', 'HTTP_PROXY', 'HTTP_X_FORWARDED_FOR', 'PATH_INFO', 'REMOTE_ADDR',
    'REQUEST_METHOD', 'REQUEST_SCHEME', 'REQUEST_URI', 'SCRIPT_NAME', 'SERVER_NAME', 'SERVER_PORT',
]));
echo json_encode($given + ['name' => getenv('NAME'), 'body' => file_get_contents('php://input')], JSON_UNESCAPED_SLASHES);
