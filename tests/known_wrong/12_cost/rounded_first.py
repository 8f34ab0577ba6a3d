"""rounded-first: money has two decimals, so a call costs a cent or nothing."""


def day_and_year(one_call, calls_a_day):
    day = round(one_call, 2) * calls_a_day
    return day, day * 365
