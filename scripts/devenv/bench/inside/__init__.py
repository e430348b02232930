"""What runs inside an Odoo process: a lane and its rivals, without a server around them."""
