"""The pump: records handled side by side, acknowledged in order, none of them lost. It knows no Faust."""
