"""Long searches for what the tests look for in steps: run by hand or by night, for as many minutes as one likes."""
