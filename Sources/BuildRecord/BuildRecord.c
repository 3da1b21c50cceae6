#include "BuildRecord.h"

// Package.swift defines it as the environment's VIRIDIAN_BUILD, which script/package sets; a development build has none, and is not
// built again for another commit. In C, because Swift takes no values from a command line.
#ifndef VIRIDIAN_BUILD
#define VIRIDIAN_BUILD ""
#endif

const char *viridian_build_record(void) { return VIRIDIAN_BUILD; }
