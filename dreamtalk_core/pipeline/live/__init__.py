"""A face that speaks now: sound as it comes, through a `MotionStream`, to whoever shows it."""
