"""The worker: a Python process with Appose's protocol on its standard input and output (Jython 2.7).

Not all scripts share modules, but all share Java's system properties: they hold the worker and Appose's classes.
"""
from synchronize import apply_synchronized

from ij import IJ
from java.io import File
from java.lang import ClassLoader, Exception as JavaException, Runtime, System, Thread
from java.net import URLClassLoader

from epifiji_client.engine.errors import EngineError
from epifiji_client.engine.python_record import how_to_repair, own_setup, record_file

WORKER, APPOSE = "epifiji.worker", "epifiji.appose"


def running_worker(python):
    """Return Appose's service of the worker, which is started if there is none. Two scripts at once start one worker."""
    properties = System.getProperties()
    return apply_synchronized(properties, _service, (properties, python))


def forget(service):
    """Let the next call start another worker; the service is not stopped."""
    System.getProperties().remove(WORKER, service)


def stop():
    """Stop the worker, if there is one; return whether there was."""
    worker = System.getProperties().remove(WORKER)
    if worker is None or not worker.isAlive():
        return False
    worker.close()
    return True


def _service(properties, python):
    service = properties.get(WORKER)
    if service is None or not service.isAlive():
        service = _start(python)
        properties.put(WORKER, service)
    return service


def appose():
    """Return the classes NDArray and Service of the Java library Appose: Fiji's own, or the archive's if this Fiji has none.

    All scripts must share the classes of the archive, so their loader is a system property.
    """
    try:
        from org.apposed.appose import NDArray, Service
        return NDArray, Service
    except ImportError:
        jars = File(record_file("java")).listFiles()
    if not jars:
        raise EngineError("This Fiji lacks the Java library Appose: %s." % ("run 'epifiji install-fiji' with its folder again"
                          if own_setup() is None else "unpack EpiFiji's archive over it again"))
    properties = System.getProperties()
    loader = apply_synchronized(properties, _loader, (properties, jars))
    # Appose finds its own services through the thread's loader.
    Thread.currentThread().setContextClassLoader(loader)
    return [loader.loadClass("org.apposed.appose." + name) for name in ("NDArray", "Service")]


def _loader(properties, jars):
    loader = properties.get(APPOSE)
    if loader is None:
        loader = URLClassLoader([jar.toURI().toURL() for jar in jars], IJ.getClassLoader() or ClassLoader.getSystemClassLoader())
        properties.put(APPOSE, loader)
    return loader


def _start(python):
    _, Service = appose()
    service = Service(File(python).getParentFile(), [python, "-m", "epifiji.bridge.fiji.worker"])
    try:
        service.start()
    except JavaException as error:
        raise EngineError("EpiFiji's Python %s did not start (%s): %s." % (python, error.getMessage(), how_to_repair()))
    Runtime.getRuntime().addShutdownHook(Thread(lambda: service.close()))
    return service
