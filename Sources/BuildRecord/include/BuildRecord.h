#pragma once

/// What was written into this program when it was built, as `commit=abc1234 built=2026-11-26 swift=6.3.1`; empty in a development build.
const char *viridian_build_record(void);
