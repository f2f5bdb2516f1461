// Calls that the headers show under _GNU_SOURCE only, which Swift's Glibc module must not see.
#define _GNU_SOURCE
#include "CLinux.h"
#include <sched.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/signalfd.h>

int accept_nonblocking(int fd, struct sockaddr_storage *peer, socklen_t *size) {
    int accepted;
    *size = sizeof *peer;
    do accepted = accept4(fd, (struct sockaddr *)peer, size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    while (accepted < 0 && errno == EINTR);
    return accepted;
}

void name_this_thread(const char *name) {
    char kept[16];
    strncpy(kept, name, sizeof kept - 1);
    kept[sizeof kept - 1] = 0;
    pthread_setname_np(pthread_self(), kept);
}

bool let_this_thread_stand_back(void) {
    struct sched_param none = {0};
    return sched_setscheduler(0, SCHED_IDLE, &none) == 0;
}

int make_signal_descriptor(const void *signals) {
    return signalfd(-1, signals, SFD_NONBLOCK | SFD_CLOEXEC);
}

int take_signal(int descriptor) {
    struct signalfd_siginfo info;
    return read(descriptor, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;
}

int make_pipe(int *reading, int *writing) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return -1;
    *reading = ends[0];
    *writing = ends[1];
    return 0;
}

int make_memory_file(void) { return memfd_create("registry-proxy locks", MFD_CLOEXEC); }

bool lock_byte(int fd, enum byte_lock lock, int64_t at) {
    static const short types[] = {[BYTE_FREE] = F_UNLCK, [BYTE_SHARED] = F_RDLCK, [BYTE_ALONE] = F_WRLCK};
    struct flock range = {.l_type = types[lock], .l_whence = SEEK_SET, .l_start = at, .l_len = 1};
    return fcntl(fd, F_OFD_SETLK, &range) == 0;
}

static char **arguments;

// glibc gives constructors what it gives main.
__attribute__((constructor)) static void keep_arguments(int count, char **given, char **environment) {
    (void)count;
    (void)environment;
    arguments = given;
}

char *const *start_arguments(void) { return arguments; }
