"""How TextGen's page looks: of its theme and its own style sheet, what a page inside it has to stand up to."""

#: From its modules/ui.py (the theme) and css/main.css, at the commit that the stand-in is of.
LOOK = """
:root {
  --accent: #4a72ff; --border-color-dark: rgba(255, 255, 255, 0.10);
  --body-text-color: #1a1a1a; --body-background-fill: white; --block-background-fill: transparent;
  --background-fill-primary: #fafafa; --background-fill-secondary: #eaeaea;
  --border-color-primary: rgba(0, 0, 0, 0.15); --block-border-color: transparent;
  --button-primary-background-fill: var(--accent, #4a72ff); --button-primary-border-color: var(--accent, #4a72ff);
  --button-primary-text-color: white; --button-secondary-background-fill: white;
}
.dark {
  --body-text-color: #f3f4f6; --body-background-fill: #212125; --block-background-fill: transparent;
  --background-fill-primary: #1C1C1D; --background-fill-secondary: #282930; --input-background-fill: #1C1C1D;
  --border-color-primary: var(--border-color-dark); --block-border-color: transparent;
  --button-primary-background-fill: transparent; --button-primary-border-color: #4a72ffc4;
  --button-primary-background-fill-hover: rgba(74, 114, 255, 0.12); --button-primary-text-color: white;
  --button-secondary-background-fill: transparent; --button-secondary-border-color: var(--border-color-dark);
}
body { background: var(--body-background-fill); }
.dark a { color: white !important; }
.dark svg { color: white; }
.dark textarea { color: #efefef !important; }
button { font-size: 14px !important; }
input:focus-visible, textarea:focus-visible, select:focus-visible { outline: none; }
table { border-collapse: collapse; }
table, tr, td, th, thead { border: 0; }
td + td, th + th { border-left: 1px solid var(--border-color-primary) !important; }
tr + tr td, tr + tr th { border-top: 1px solid var(--border-color-primary) !important; }
"""
