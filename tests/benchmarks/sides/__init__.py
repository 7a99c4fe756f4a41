"""The four processes of `bench_culler`, each with no more imported than it needs."""
