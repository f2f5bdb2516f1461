// Counts the allocations of each thread, in a test process.

#pragma once

/// How often this thread has asked for memory so far.
unsigned long allocation_count(void);
