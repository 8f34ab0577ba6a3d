"""twelve-times-thirty: a year is twelve months of thirty days."""


def day_and_year(one_call, calls_a_day):
    day = one_call * calls_a_day
    return day, day * 30 * 12
