"""Drop-in classes for code that was written against other libraries; nothing here knows xarray's backend."""
