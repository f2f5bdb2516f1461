// Record buffers from one reserved range, page aligned. OpenSSL copies every 16 KiB of plaintext into
// one; where such a copy's source and destination lie 1 to 16 bytes apart modulo 4096, `rep movsb` runs
// at a twentieth of its speed on some processors. Our own buffers lie half a page away (`Buffer`).
#include "COpenSSL.h"
#include <stdlib.h>
#include <sys/mman.h>

#define SLOT_SIZE ((size_t)20480)
#define RANGE_SIZE ((size_t)4 << 30)

struct slot {
    struct slot *next;
};

static char *range_start, *range_end;
static uintptr_t range_next;
static __thread struct slot *free_slots;

static bool in_range(const void *block) {
    return (const char *)block >= range_start && (const char *)block < range_end;
}

static void *allocate(size_t size, const char *file, int line) {
    (void)file;
    (void)line;
    if (size >= 16384 && size <= SLOT_SIZE) {
        struct slot *slot = free_slots;
        if (slot) {
            free_slots = slot->next;
            return slot;
        }
        uintptr_t start = __atomic_fetch_add(&range_next, SLOT_SIZE, __ATOMIC_RELAXED);
        if (start + SLOT_SIZE <= (uintptr_t)range_end) return (void *)start;
    }
    return malloc(size);
}

static void release(void *block, const char *file, int line) {
    (void)file;
    (void)line;
    if (!in_range(block)) {
        free(block);
        return;
    }
    struct slot *slot = block;
    slot->next = free_slots;
    free_slots = slot;
}

static void *resize(void *block, size_t size, const char *file, int line) {
    if (!block) return allocate(size, file, line);
    if (size == 0) {
        release(block, file, line);
        return NULL;
    }
    if (!in_range(block)) return realloc(block, size);
    if (size <= SLOT_SIZE) return block;
    void *larger = allocate(size, file, line);
    if (!larger) return NULL;
    memcpy(larger, block, SLOT_SIZE);
    release(block, file, line);
    return larger;
}

bool tls_place_record_buffers(void) {
    // Reserved, not used: pages come into being when a slot is first written.
    void *range = mmap(NULL, RANGE_SIZE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range == MAP_FAILED) return false;
    range_start = range;
    range_end = range_start + RANGE_SIZE;
    range_next = (uintptr_t)range_start;
    return CRYPTO_set_mem_functions(allocate, resize, release) == 1;
}
