// Counts the allocations of each thread, in a test process.

#pragma once
#include <stdbool.h>

/// How often this thread has asked for memory so far.
unsigned long allocation_count(void);

/// Whether anything is counted: a sanitizer has a malloc of its own, and counts nothing.
bool allocation_count_works(void);
