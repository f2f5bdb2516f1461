// A TLS relay that does nothing else: no HTTP, no login, no rules, no log. It is the floor that a
// proxy's CPU is measured against. One thread a connection; what TLS seals is gathered, and leaves
// with one system call.
//
//   relay LISTEN-PORT UPSTREAM-PORT CERTIFICATE KEY      both ports on 127.0.0.1
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 512 * 1024 };

static SSL_CTX *context;
static int upstream_port;

static void require(int ok, const char *what) {
    if (ok) return;
    perror(what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static struct sockaddr_in loopback(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static int wait_for(int fd, short what) {
    struct pollfd one = {.fd = fd, .events = what};
    return poll(&one, 1, 60000) > 0;
}

static int send_all(int fd, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t sent = send(fd, bytes, count, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN && wait_for(fd, POLLOUT)) continue;
        if (sent <= 0) return 0;
        bytes += sent;
        count -= sent;
    }
    return 1;
}

// Sends what TLS has sealed, and forgets it.
static int flush(BIO *sealed, int fd) {
    char *bytes;
    long count = BIO_get_mem_data(sealed, &bytes);
    int ok = count == 0 || send_all(fd, bytes, count);
    (void)BIO_reset(sealed);
    return ok;
}

// From the client to the upstream, until nothing is there to be read at once.
static int forward(SSL *tls, BIO *sealed, int client, int upstream, char *room) {
    for (;;) {
        int count = 0, last = 1;
        while (count <= ROOM - 16384 && (last = SSL_read(tls, room + count, ROOM - count)) > 0) count += last;
        if (!flush(sealed, client) || (count > 0 && !send_all(upstream, room, count))) return 0;
        if (last <= 0) return SSL_get_error(tls, last) == SSL_ERROR_WANT_READ;
    }
}

// From the upstream to the client, what is there.
static int back(SSL *tls, BIO *sealed, int client, int upstream, char *room) {
    ssize_t count = recv(upstream, room, ROOM, 0);
    if (count <= 0) return 0;
    return SSL_write(tls, room, count) == count && flush(sealed, client);
}

static void relay(SSL *tls, BIO *sealed, int client, int upstream, char *room) {
    // A request that came with the end of the handshake has been read already.
    if (!forward(tls, sealed, client, upstream, room)) return;
    struct pollfd both[] = {{.fd = client, .events = POLLIN}, {.fd = upstream, .events = POLLIN}};
    while (poll(both, 2, 60000) > 0) {
        if (both[0].revents && !forward(tls, sealed, client, upstream, room)) return;
        if (both[1].revents && !back(tls, sealed, client, upstream, room)) return;
    }
}

static int greet(SSL *tls, BIO *sealed, int client) {
    for (;;) {
        int result = SSL_accept(tls);
        if (!flush(sealed, client) || result == 1) return result == 1;
        if (SSL_get_error(tls, result) != SSL_ERROR_WANT_READ || !wait_for(client, POLLIN)) return 0;
    }
}

static void *serve(void *argument) {
    int client = (int)(long)argument, on = 1;
    int upstream = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = loopback(upstream_port);
    SSL *tls = SSL_new(context);
    BIO *sealed = BIO_new(BIO_s_mem());
    char *room = malloc(ROOM);
    require(tls && sealed && room && upstream >= 0, "memory");
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(upstream, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    SSL_set0_rbio(tls, BIO_new_socket(client, BIO_NOCLOSE));
    SSL_set0_wbio(tls, sealed);
    if (greet(tls, sealed, client) && connect(upstream, (void *)&address, sizeof address) == 0)
        relay(tls, sealed, client, upstream, room);
    SSL_free(tls);
    close(client);
    close(upstream);
    free(room);
    return NULL;
}

int main(int count, char **arguments) {
    if (count != 5) {
        fprintf(stderr, "relay LISTEN-PORT UPSTREAM-PORT CERTIFICATE KEY\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    upstream_port = atoi(arguments[2]);
    context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, 128 * 1024);
    require(SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256"), "cipher");
    require(SSL_CTX_use_certificate_chain_file(context, arguments[3]), arguments[3]);
    require(SSL_CTX_use_PrivateKey_file(context, arguments[4], SSL_FILETYPE_PEM), arguments[4]);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in address = loopback(atoi(arguments[1]));
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    require(bind(listener, (void *)&address, sizeof address) == 0, "bind");
    require(listen(listener, 512) == 0, "listen");
    for (;;) {
        int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        pthread_t thread;
        if (client >= 0 && pthread_create(&thread, NULL, serve, (void *)(long)client) == 0) pthread_detach(thread);
    }
}
