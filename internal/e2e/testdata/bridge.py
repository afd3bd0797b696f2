# bridge.py owner URL CA TOKEN N      ask N times for credentials, print how often they came
# bridge.py once URL CA [TOKEN]       ask once, print the status and the answer
# bridge.py stranger HOST PORT FROM   be a foreign process, until stdin ends; says "ready" when all is open
import socket, ssl, sys, urllib.error, urllib.request


def ask(url, ca, token):
    request = urllib.request.Request(url, headers={"Authorization": token} if token else {})
    try:
        with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=ca), timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def owner(url, ca, token, times):
    print(sum(ask(url, ca, open(token).read())[0] == 200 for _ in range(int(times))))


def once(url, ca, token=None):
    print(*ask(url, ca, token and open(token).read()))


def stranger(host, port, source):
    def connect(port=int(port)):
        return socket.create_connection((host, port), timeout=5, source_address=(source, 0))

    for scanned in range(int(port) - 300, int(port) + 300):
        try:
            connect(scanned).close()
        except OSError:
            pass
    held = []
    for i in range(2000):
        try:
            c = connect()
            if i % 3 == 0:
                c.send(b"GET / HT")  # no TLS, and slowly
            if i % 3 == 1:
                c.send(b"\x16\x03\x01\x00")  # the start of a handshake
            held.append(c)
        except OSError:
            pass
    refused = 0
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1
    plain = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    plain.check_hostname, plain.verify_mode = False, ssl.CERT_NONE
    try:
        old.wrap_socket(connect())
    except (ssl.SSLError, OSError):
        refused += 1
    for name, header in ((None, host), ("sts.amazonaws.com", "sts.amazonaws.com")):  # no SNI, and the host of another
        with plain.wrap_socket(connect(), server_hostname=name) as c:
            c.sendall(b"GET /profile/dev HTTP/1.1\r\nHost: " + header.encode() + b"\r\nAuthorization: " + b"x" * 26 + b"\r\n\r\n")
            if b" 403 " in c.recv(4096).split(b"\r\n")[0]:
                refused += 1
    print("ready", refused, flush=True)
    sys.stdin.read()


globals()[sys.argv[1]](*sys.argv[2:])
