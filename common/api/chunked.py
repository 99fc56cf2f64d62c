def buffered_chunked_bodies(application, limit=2**20): return application
