// What Glibc's module does not show to Swift: epoll, eventfd, accept4 and a few socket options; and
// the state of one socket, which the event loop and OpenSSL's BIO share.
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/// Gives freed memory back to the system, of all threads' arenas.
static inline void memory_give_back(void) { malloc_trim(0); }

/// A block of this many bytes or more is mapped by itself, and unmapped as soon as it is freed (mallopt(3)).
static inline void memory_map_blocks_from(int size) { mallopt(M_MMAP_THRESHOLD, size); }

/// A non-blocking socket registered edge-triggered: what is known of it since the last event.
struct socket_state {
    int fd;
    bool readable;      ///< a receive may give bytes; cleared by EAGAIN or by a short read
    bool writable;      ///< a send may take bytes; cleared by EAGAIN
    bool hangup;        ///< the peer's FIN or an error was signalled: a short read proves nothing now
    bool failed;        ///< the connection is gone in both directions
    int64_t received;   ///< bytes since the socket was opened
    int64_t sent;
};

/// recv(2) into `room`: the count, 0 at the end of the stream, -1 with errno (EAGAIN: would block).
static inline ssize_t socket_receive(struct socket_state *s, void *room, size_t count) {
    ssize_t n;
    if (!s->readable) {
        errno = EAGAIN;
        return -1;
    }
    do n = recv(s->fd, room, count, 0);
    while (n < 0 && errno == EINTR);
    if (n < 0 ? errno == EAGAIN : ((size_t)n < count && n > 0 && !s->hangup)) s->readable = false;
    if (n > 0) s->received += n;
    return n;
}

/// As socket_receive, but what is there stays there.
static inline ssize_t socket_peek(struct socket_state *s, void *room, size_t count) {
    ssize_t n;
    if (!s->readable) {
        errno = EAGAIN;
        return -1;
    }
    do n = recv(s->fd, room, count, MSG_PEEK);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN) s->readable = false;
    return n;
}

/// send(2) from `bytes`: the count, or -1 with errno (EAGAIN: would block). Never raises SIGPIPE.
static inline ssize_t socket_send(struct socket_state *s, const void *bytes, size_t count) {
    ssize_t n;
    if (!s->writable) {
        errno = EAGAIN;
        return -1;
    }
    do n = send(s->fd, bytes, count, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN) s->writable = false;
    if (n > 0) s->sent += n;
    return n;
}

/// Whether nothing can be received just now and the peer has not closed.
static inline bool socket_is_silent(const struct socket_state *s) {
    char byte;
    ssize_t n;
    do n = recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n < 0 && errno == EAGAIN;
}

/// Which of at most 8 sockets have nothing to receive and a peer that has not closed: bit i for
/// fds[i].
static inline uint8_t sockets_silent(const int *fds, int count) {
    struct pollfd entries[8];
    uint8_t silent = 0;
    int n;
    for (int i = 0; i < count; i++)
        entries[i] = (struct pollfd){.fd = fds[i], .events = POLLIN | POLLPRI};
    do n = poll(entries, count, 0);
    while (n < 0 && errno == EINTR);
    for (int i = 0; n >= 0 && i < count; i++)
        if (entries[i].revents == 0) silent |= 1 << i;
    return silent;
}

/// Registers for every event, edge-triggered; `tag` comes back with each.
static inline int poll_add_edges(int epoll, int fd, uint64_t tag) {
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u64 = tag};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
}

/// Registers for readability, level-triggered.
static inline int poll_add_level(int epoll, int fd, uint64_t tag) {
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = tag};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
}

/// accept4(2) with a non-blocking descriptor that a child process does not inherit.
int accept_nonblocking(int fd, struct sockaddr_storage *peer, socklen_t *size);

/// Names the calling thread, as `ps -L` and a debugger show it; 15 bytes are kept.
void name_this_thread(const char *name);

/// Lets the calling thread compute only where a processor has nothing else to do (SCHED_IDLE, sched(7)). False if the
/// system forbids it.
bool let_this_thread_stand_back(void);

static inline int socket_nonblocking(int family) {
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/// Sends small writes at once. Does nothing on a unix socket.
static inline void socket_no_delay(int fd) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/// Makes close(2) reset the connection, so that the peer cannot take a cut answer for a whole one.
static inline void socket_reset_on_close(int fd) {
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

/// How many bytes were sent and not yet acknowledged (SIOCOUTQ, tcp(7)).
static inline int socket_queued(int fd) {
    int count = 0;
    return ioctl(fd, SIOCOUTQ, &count) < 0 ? 0 : count;
}

/// The error a socket has come to (SO_ERROR), 0 if none.
static inline int socket_error(int fd) {
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? errno : error;
}

/// A non-blocking signalfd(2) for `signals`, which must be blocked.
int make_signal_descriptor(const void *signals);

/// The next signal's number, 0 if there is none.
int take_signal(int descriptor);

/// What this process was started with, ended by a null pointer. As the C library tells it: there is
/// no need of /proc.
char *const *start_arguments(void);

/// A pipe that does not block and no child inherits: where to read, where to write. 0, or -1 with errno.
int make_pipe(int *reading, int *writing);

/// A file without a name, in memory; -1 with errno.
int make_memory_file(void);

enum byte_lock { BYTE_FREE, BYTE_SHARED, BYTE_ALONE };

/// Locks one byte for this open file, or frees it (fcntl(2), open file description locks). Does not wait: false if
/// another open file has it.
bool lock_byte(int fd, enum byte_lock lock, int64_t at);
