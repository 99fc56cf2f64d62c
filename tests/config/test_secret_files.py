import secrets
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from config.secret_files import kept_secret


def test_only_the_owner_can_read_it(tmp_path):
    kept_secret(tmp_path / "folder" / "secret", lambda: "hush")
    assert (tmp_path / "folder" / "secret").stat().st_mode & 0o777 == 0o600


def test_those_who_make_one_at_the_same_moment_agree_on_one(tmp_path):
    everyone_is_here = Barrier(4, timeout=10)

    def make():
        everyone_is_here.wait()
        return secrets.token_hex()

    with ThreadPoolExecutor(4) as pool:
        results = [pool.submit(kept_secret, tmp_path / "secret", make) for _ in range(4)]
    assert len({result.result() for result in results}) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["secret"]
