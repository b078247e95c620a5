/** What every Python script of these tests begins with: system calls as they are, and threads to block in. */
export const PRELUDE = `
import errno, fcntl, json, os, select, signal, subprocess, sys, threading, time
from os import O_APPEND, O_CREAT, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY, close, read, write

M, S, A = (os.environ.get(name, '') for name in 'MSA')

# What a call takes at least, in ms.
ROUND_TRIP = int(os.environ['ROUND_TRIP'])

# So often is done what takes many calls: less where each takes its time.
def many(count):
    return max(1, count // 10) if ROUND_TRIP else count

def say(*words, **how):
    print(*words, flush=True, **how)

# A call's result, or the name of its errno.
def code(call, *args):
    try:
        return call(*args)
    except OSError as error:
        return 'EOPNOTSUPP' if error.errno == errno.EOPNOTSUPP else errno.errorcode[error.errno]

def open(path, flags=O_RDONLY):
    return os.open(os.path.join(A, path), flags)

def command(anchor, text):
    fd = os.open(anchor + '/ctl', O_WRONLY)
    result = code(write, fd, text.encode())
    close(fd)
    return result if isinstance(result, str) else 'ok'

def content(path):
    fd = open(path)
    data = b''
    while piece := read(fd, 1 << 20):
        data += piece
    close(fd)
    return data.decode()

def until(holds, limit=10):
    end = time.monotonic() + limit
    while not holds():
        if time.monotonic() > end:
            raise Exception('did not come true')
        time.sleep(0.002)

# running, exited, …: of a process, or of a container.
def phase():
    state = json.loads(content('peek'))
    return state['Phase'] if 'Phase' in state else state['State']['Status']

# Waits until so many calls are blocked in the mount.
def blocked(count):
    def holds():
        for line in content(M + '/self/metrics').splitlines():
            if line.startswith('circuit_fuse_requests_waiting '):
                return int(line.split()[1]) == count
    until(holds)

# A call in a thread of its own.
class Call:
    def __init__(self, call, *args):
        self.thread = threading.Thread(target=self.run, args=(call, args), daemon=True)
        self.thread.start()

    def run(self, call, args):
        self.value = code(call, *args)

    def result(self, limit=10):
        self.thread.join(limit)
        if self.thread.is_alive():
            raise Exception('is still blocked')
        return self.value

    @property
    def done(self):
        return not self.thread.is_alive()

# A process of its own, with all of this.
def child(script):
    return subprocess.Popen([sys.executable, '-c', os.environ['PRELUDE'] + script], stdout=subprocess.PIPE, text=True)
`
