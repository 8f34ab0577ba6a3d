# What type checkers and editors read of __init__.py: a test holds both equal.

from labkit.backoff import Backoff as Backoff
from labkit.backoff import RetryBudget as RetryBudget
from labkit.boundary import AsyncBoundary as AsyncBoundary
from labkit.boundary import Boundary as Boundary
from labkit.contracts import Answer as Answer
from labkit.contracts import ContractError as ContractError
from labkit.contracts import Evidence as Evidence
from labkit.contracts import Failure as Failure
from labkit.contracts import Outcome as Outcome
from labkit.contracts import PolicyLine as PolicyLine
from labkit.contracts import RotationDecision as RotationDecision
from labkit.contracts import Task as Task
from labkit.costs import RateCard as RateCard
from labkit.costs import Rates as Rates
from labkit.costs import cost as cost
from labkit.deadline import Deadline as Deadline
from labkit.deadline import Phases as Phases
from labkit.failures import Advice as Advice
from labkit.failures import CallFailed as CallFailed
from labkit.failures import Kind as Kind
from labkit.failures import LabkitError as LabkitError
from labkit.failures import classify as classify
from labkit.fallback import Fallback as Fallback
from labkit.fingerprints import Fingerprinter as Fingerprinter
from labkit.flow import Policy as Policy
from labkit.idempotency import AsyncOnce as AsyncOnce
from labkit.idempotency import Once as Once
from labkit.idempotency import PostgresLedger as PostgresLedger
from labkit.idempotency import Promise as Promise
from labkit.idempotency import SQLiteLedger as SQLiteLedger
from labkit.idempotency import action_key as action_key
from labkit.prompts import Models as Models
from labkit.records import Attempt as Attempt
from labkit.records import CallRecord as CallRecord
from labkit.redaction import take_over as take_over
from labkit.secrets import check_secret as check_secret
from labkit.secrets import load_settings as load_settings
from labkit.sinks import JsonlSink as JsonlSink
from labkit.sinks import LoggingSink as LoggingSink
from labkit.sinks import OtelSink as OtelSink
from labkit.sinks import SqliteSink as SqliteSink
from labkit.spending import Budget as Budget
from labkit.usage import Usage as Usage

__version__: str
