"""Secrets come from the environment, and no namespace reads those of another."""

from engine.adapters.secrets_env import EnvSecrets

ENVIRONMENT = {
    "REFOLD_SECRET_API_KEY": "for all",
    "REFOLD_SECRET_TEAM_A__API_KEY": "of team-a",
    "REFOLD_SECRET_TEAM_A__TOKEN": "also of team-a",
    "OTHER": "never",
}


def test_a_namespace_has_its_own_secrets_before_the_common_ones():
    secrets = EnvSecrets(ENVIRONMENT)
    assert secrets.get("default", ["api-key", "missing"]) == {"api-key": "for all"}
    assert secrets.get("team-a", ["api-key", "token"]) == {
        "api-key": "of team-a",
        "token": "also of team-a",
    }


def test_a_namespace_cannot_spell_the_secret_of_another():
    secrets = EnvSecrets(ENVIRONMENT)
    names = ["TEAM_A__TOKEN", "team-a--token", "team.a._token", "", "OTHER", "../OTHER"]
    assert secrets.get("default", names) == {}
    assert secrets.get("team", ["A__TOKEN", "a--token"]) == {}
