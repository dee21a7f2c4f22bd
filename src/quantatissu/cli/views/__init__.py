"""How results look: live while searching, rendered for people, or as one JSON object. No decisions are made here."""
