-- What wrk asks for, in turn: a few hundred requests a second for each node, which hit every instant and leave the machine to the release.
-- The paths are the script's arguments.
local paths = {}
local number = 0

function init(arguments)
    paths = arguments
end

function delay()
    return 8
end

function request()
    number = number % #paths + 1
    return wrk.format("GET", paths[number])
end
