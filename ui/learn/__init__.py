"""Where a user has faders learned: from replies that they want, or from their votes."""
