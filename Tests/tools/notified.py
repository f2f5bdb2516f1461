# Shows what a service tells its manager (sd_notify(3)): one line of standard error for each datagram,
# its lines joined by blanks. Argument: the path of the socket.
import socket
import sys

manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(sys.argv[1])
print("listening", file=sys.stderr, flush=True)
while True:
    news = manager.recv(4096).decode()
    print(" ".join(news.split("\n")), file=sys.stderr, flush=True)
