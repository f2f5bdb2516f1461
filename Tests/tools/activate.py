# Becomes a program that finds a listening socket at descriptor 3, as a service manager starts it
# (sd_listen_fds(3)). Arguments: a file in which @PORT@ becomes the socket's port, then the program
# and its own arguments.
import os
import socket
import sys

listener = socket.create_server(("127.0.0.1", 0))
port = str(listener.getsockname()[1])
with open(sys.argv[1], "r+") as file:
    text = file.read().replace("@PORT@", port)
    file.seek(0)
    file.truncate()
    file.write(text)
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()), SOCKET_PORT=port)
os.execvp(sys.argv[2], sys.argv[2:])
