"""From noise to latents: noise levels, schedule types, samplers, noise, guidance, conditioning."""
