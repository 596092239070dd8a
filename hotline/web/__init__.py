"""The doors that speak HTTP: the desk's pages, the API, the event stream, health and metrics."""
