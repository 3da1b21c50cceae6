#include "BuildRecord.h"

// Package.swift defines it as the environment's VIRIDIAN_BUILD, which script/package sets. In C, because another commit then compiles
// this file only.
#ifndef VIRIDIAN_BUILD
#define VIRIDIAN_BUILD ""
#endif

const char *viridian_build_record(void) { return VIRIDIAN_BUILD; }
