from streams.answering.generating.pace import HALF_LIFE_S, Pace


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def pace():
    clock = Clock()
    return Pace({"big": 1.0}, monotonic=clock), clock


def test_before_anything_is_known_a_model_is_as_fast_as_it_is_said_to_be():
    assert pace()[0].usual_s("big") == 1.0


def test_a_model_that_keeps_being_slow_is_believed_to_be_slow_and_others_are_not():
    learnt, _ = pace()
    for _ in range(5):
        learnt.took("big", 9.0)
    assert learnt.usual_s("big") == 9.0
    assert learnt.usual_s("small") == 0.0


def test_one_slow_reply_among_many_is_not_what_is_usual():
    learnt, _ = pace()
    for seconds in [0.5] * 9 + [30.0]:
        learnt.took("big", seconds)
    assert learnt.usual_s("big") <= 1.0


def test_what_was_slow_long_ago_is_forgotten_so_that_it_is_tried_again():
    learnt, clock = pace()
    for _ in range(1000):
        learnt.took("big", 9.0)
    clock.now += HALF_LIFE_S
    assert learnt.usual_s("big") == 9.0
    clock.now += 10 * HALF_LIFE_S
    assert learnt.usual_s("big") == 1.0


def test_a_wait_that_was_given_up_says_that_the_model_is_slower_than_that():
    learnt, clock = pace()
    learnt.gave_up("big", 4.0)
    assert learnt.usual_s("big") == 8.0
    learnt.gave_up("big", 0.5)
    assert learnt.usual_s("big") == 8.0, "a short wait in vain makes no model faster"
    clock.now += 3 * HALF_LIFE_S
    assert learnt.usual_s("big") == 1.0, "it is tried again"
