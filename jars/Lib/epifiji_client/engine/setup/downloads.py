"""Downloads of files whose size and SHA-256 are known, which continue where they were interrupted (Jython 2.7)."""
import os

from java.io import File, FileInputStream, FileOutputStream, IOException
from java.lang import System
from java.net import (
    ConnectException, InetSocketAddress, NoRouteToHostException, Proxy, ProxySelector, SocketException, SocketTimeoutException, URI, URL,
    UnknownHostException,
)
from java.security import MessageDigest
from javax.net.ssl import SSLException
from jarray import zeros

from epifiji_client.engine.errors import EngineError

MIRROR, INDEX = "EPIFIJI_PACKAGES", "https://files.pythonhosted.org/packages"
"""The environment variable and system property with the address of a mirror of the package index's files."""

TIMEOUT_MS, PIECE, ATTEMPTS = 30000, 1 << 16, 3
PROXY_SETTINGS = "set it in Edit > Options > Proxy Settings..., start Fiji again, and try again"
OFFLINE = "connect this computer to the internet and try again, or use an archive of EpiFiji that contains all packages"


class Download(object):
    """Downloads files into a folder. cancel() ends a running one from another thread."""

    def __init__(self):
        self.connection, self.cancelled = None, False

    def cancel(self):
        self.cancelled = True
        if self.connection is not None:
            self.connection.disconnect()

    def get(self, address, target, size, sha256, progress):
        """Download a file to a path; progress(bytes) is called with the number of bytes that are there so far.

        The file exists at the path only with this SHA-256. What arrived before an interruption is kept beside it.
        """
        if File(target).isFile():
            progress(size)
            return
        partial = target + ".part"
        for attempt in range(ATTEMPTS):
            try:
                self._continue(mirrored(address), partial, size, progress)
                break
            except IOException as error:
                if self.cancelled:
                    raise EngineError("cancelled", "cancelled")
                is_last = attempt == ATTEMPTS - 1 or not isinstance(error, (SocketException, SocketTimeoutException))
                if is_last or isinstance(error, (ConnectException, NoRouteToHostException)) or not File(partial).length():
                    raise EngineError(why(error, mirrored(address), File(target).getParent()), "input", str(error))
        if sha256_of(partial) != sha256:
            File(partial).delete()
            raise EngineError("%s arrived changed (its SHA-256 differs): try again; if it happens again, a proxy or a virus scanner "
                              "changes downloads, so ask who looks after them." % File(target).getName(), "input")
        if not File(partial).renameTo(File(target)):
            raise EngineError(IN_USE % partial, "input")

    def _continue(self, address, partial, size, progress):
        begun = File(partial).length()
        if begun > size:
            File(partial).delete()
            begun = 0
        if begun == size:
            progress(begun)
            return
        self.connection = connection = opened(address)
        connection.setConnectTimeout(TIMEOUT_MS)
        connection.setReadTimeout(TIMEOUT_MS)
        if begun:
            connection.setRequestProperty("Range", "bytes=%d-" % begun)
        code = connection.getResponseCode() if hasattr(connection, "getResponseCode") else 200
        if code not in (200, 206):
            raise EngineError(answered(code, address), "input")
        if code == 200:
            begun = 0
        source, copy, piece = connection.getInputStream(), FileOutputStream(partial, begun > 0), zeros(PIECE, "b")
        try:
            while begun < size:
                count = source.read(piece)
                if self.cancelled:
                    raise EngineError("cancelled", "cancelled")
                if count < 0:
                    raise SocketException("the connection ended after %d of %d bytes" % (begun, size))
                copy.write(piece, 0, count)
                begun += count
                progress(begun)
        finally:
            copy.close()
            source.close()


IN_USE = "%s is used by another program, perhaps a virus scanner: wait a minute, close other Fijis, and try again."
FULL = "The disk of %s is full: free some space there, or choose a folder on another disk."
NO_PERMISSION = "You may not write into %s: choose another folder, or move Fiji into a folder of your own."


def mirrored(address):
    mirror = System.getProperty(MIRROR) or os.environ.get(MIRROR)
    return mirror.rstrip("/") + address[len(INDEX):] if mirror and address.startswith(INDEX) else address


def opened(address):
    """Open a connection: through the proxy of Fiji's settings, else that of the environment."""
    proxy = _proxy_of_environment(address)
    return URL(address).openConnection() if proxy is None else URL(address).openConnection(proxy)


def proxy_of(address):
    """Return the proxy of Fiji's settings or of the environment; None if there is none."""
    found = [proxy for proxy in ProxySelector.getDefault().select(URI(address)) if proxy.address() is not None]
    return found[0] if found else _proxy_of_environment(address)


def _proxy_of_environment(address):
    named = [os.environ[name] for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy") if os.environ.get(name)]
    if not named or not address.startswith("https:") or System.getProperty("https.proxyHost"):
        return None
    place = URI(named[0] if "://" in named[0] else "http://" + named[0])
    return Proxy(Proxy.Type.HTTP, InetSocketAddress(place.getHost(), place.getPort() if place.getPort() > 0 else 8080))


def answered(code, address):
    """Return the sentence for an answer other than the file."""
    if code == 407:
        return "The proxy of this network asks for a password: %s." % PROXY_SETTINGS
    return "%s answered with code %d instead of the file: try again later; behind a proxy, %s." % (address, code, PROXY_SETTINGS)


def why(error, address, folder):
    """Return the sentence for a failed download from an address into a folder."""
    text, host = error.getMessage() or error.getClass().getSimpleName(), URL(address).getHost() or address
    written = written_why(text, folder)
    if written:
        return written
    proxy = proxy_of(address)
    if "tunnel" in text or "407" in text:
        return answered(407, address)
    if proxy is not None and isinstance(error, (ConnectException, UnknownHostException, SocketTimeoutException)):
        return "The proxy %s does not answer (%s): %s." % (proxy.address(), text, PROXY_SETTINGS)
    if isinstance(error, SSLException):
        return "The connection with %s is not secure (%s): behind a proxy that reads connections, ask who looks after it." % (host, text)
    return "%s cannot be reached (%s): %s." % (host, text, OFFLINE)


def written_why(text, folder):
    """Return the sentence for a message about a disk or a file in a folder; None for another message."""
    lower = text.lower()
    if "no space left" in lower or "not enough space" in lower or "quota exceeded" in lower or "os error 112" in lower:
        return FULL % folder
    if "being used by another process" in lower or "text file busy" in lower or "os error 32" in lower or "user-mapped" in lower:
        return IN_USE % ("A file in " + folder)
    if "permission denied" in lower or "read-only file system" in lower or "access is denied" in lower or "os error 5)" in lower:
        return NO_PERMISSION % folder
    if "os error 206" in lower or "file name too long" in lower:
        return "The paths in %s are too long for this system: choose a folder with a shorter path." % folder
    return None


def sha256_of(path):
    digest, piece, source = MessageDigest.getInstance("SHA-256"), zeros(PIECE, "b"), FileInputStream(path)
    try:
        while True:
            count = source.read(piece)
            if count < 0:
                break
            digest.update(piece, 0, count)
    finally:
        source.close()
    return "".join("%02x" % (byte & 255) for byte in digest.digest())
