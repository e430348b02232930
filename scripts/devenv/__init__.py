"""What the scripts next door share: a complete Odoo for developing this addon."""
