"""Package definition; names, versions and pins of the dependencies live in requirements/."""

from pathlib import Path

from setuptools import find_packages, setup

OWN_PACKAGES = (
    "adclick",
    "configs",
    "components",
    "pipeline",
    "trainer",
    "serving",
    "simulator",
    "monitoring",
)


def requirements() -> list[str]:
    """Direct dependencies, read from requirements/runtime.in so that they are named in one place."""
    lines = (Path(__file__).parent / "requirements" / "runtime.in").read_text(encoding="utf-8").splitlines()
    return [line.split("#")[0].strip() for line in lines if line.split("#")[0].strip()]


setup(
    name="adclick",
    version="0.1.0",
    description="Monthly ad impressions and creatives to a served click probability: a TFX pipeline package",
    license="Apache-2.0",
    python_requires=">=3.10,<3.11",
    packages=find_packages(include=[pattern for name in OWN_PACKAGES for pattern in (name, f"{name}.*")]),
    package_data={
        "configs": ["*.yaml", "examples/*.yaml"],
        "components.run_report.html": ["*.j2", "*.css", "*.js", "sections/*.j2"],
    },
    py_modules=["run_local", "run_kubeflow"],
    install_requires=requirements(),
    entry_points={"console_scripts": ["adclick=adclick.cli:main"]},
)
