// Counts what a program asks the C library's allocator for, for scripts/counts: loaded before the C library (LD_PRELOAD,
// ld.so(8)), it keeps the number in the first eight bytes of the file that ALLOCATION_COUNT names.
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static atomic_ulong before;
static atomic_ulong *count = &before;

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("ALLOCATION_COUNT");
    int file = name ? open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (file < 0 || ftruncate(file, sizeof *count) < 0) _exit(4);
    void *place = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (place == MAP_FAILED) _exit(4);
    count = place;
}

static void one(void) { atomic_fetch_add_explicit(count, 1, memory_order_relaxed); }

void *malloc(size_t size) { one(); return __libc_malloc(size); }
void *calloc(size_t number, size_t size) { one(); return __libc_calloc(number, size); }
void *realloc(void *memory, size_t size) { one(); return __libc_realloc(memory, size); }
void *memalign(size_t alignment, size_t size) { one(); return __libc_memalign(alignment, size); }
void *aligned_alloc(size_t alignment, size_t size) { one(); return __libc_memalign(alignment, size); }
int posix_memalign(void **memory, size_t alignment, size_t size) {
    one();
    *memory = __libc_memalign(alignment, size);
    return *memory ? 0 : 12;
}
