# SPDX-License-Identifier: BSD-2-Clause-Patent
"""The rules of tools/style: text.py, code.py and api.py."""
