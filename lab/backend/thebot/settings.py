"""What the release says about itself, and what the environment says about the installation."""
import json
import os
import pathlib

release = json.loads((pathlib.Path(__file__).parent.parent / "release.json").read_text())

VERSION = release["version"]
COLUMNS = release["columns"]          # columns of materials_material that came with a migration of this release
FAULT = release["fault"]
COLOR = os.environ.get("COLOR", "none")
INSTANCE = os.environ.get("INSTANCE", "backend")
PORT = int(os.environ.get("PORT", "8000"))
DATABASE_URL = os.environ.get("DATABASE_URL", "")
REDIS_URL = os.environ.get("REDIS_URL", "")
SECRET_KEY = os.environ.get("SECRET_KEY", "")
FRONTEND_URL = os.environ.get("FRONTEND_URL", "")                     # whose scripts may read our answers
SHOP_ID = os.environ.get("YOOKASSA_SHOP_ID", "")
SHOP_KEY = os.environ.get("YOOKASSA_SECRET_KEY", "")
PATIENCE = float(os.environ.get("START_PATIENCE", "10"))             # seconds that a start waits for the stores
GRACE = 10.0                          # seconds that SIGTERM leaves to the requests in flight

REQUIRED = ("SECRET_KEY", "ENVIRONMENT", "DATABASE_URL", "REDIS_URL", "YOOKASSA_SHOP_ID", "YOOKASSA_SECRET_KEY",
            "ALLOWED_HOSTS", "FRONTEND_URL")
