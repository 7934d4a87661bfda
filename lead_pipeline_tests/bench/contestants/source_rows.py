"""What both baselines share with any script of their kind: reading Dievio's pages and naming the fields.

Nothing is cleaned or checked here; the rows of the measurement are clean.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import requests
from simple_salesforce.api import Salesforce

from lead_pipeline_tests.bench.contestants import ContestantTask

ROWS_PER_PAGE = 100  # the same pages as the pipeline reads
TIMEOUT_SECONDS = 60
API_VERSION = "66.0"

Row = Mapping[str, Any]
Fields = dict[str, Any]


class LoopbackSession(requests.Session):
    """Speaks plain HTTP to the sandbox, where simple-salesforce always writes https."""

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """Change the scheme of loopback addresses."""
        request.url = request.url.replace("https://127.0.0.1", "http://127.0.0.1")
        return super().prepare_request(request)


def sign_in(task: ContestantTask) -> Salesforce:
    """Return a client with a token by client credentials."""
    session = LoopbackSession()
    answer = session.post(
        f"{task.salesforce_url}/services/oauth2/token",
        data={
            "grant_type": "client_credentials",
            "client_id": task.client_id,
            "client_secret": task.client_secret,
        },
        timeout=TIMEOUT_SECONDS,
    )
    answer.raise_for_status()
    return Salesforce(
        instance_url=task.salesforce_url,
        session_id=answer.json()["access_token"],
        version=API_VERSION,
        session=session,
    )


def read_rows(task: ContestantTask) -> Iterator[Row]:
    """Yield every row of the search, page by page."""
    page: int | None = 1
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {task.dievio_api_key}"
        while page is not None:
            body = {
                **task.filters,
                "email_status": "all",
                "include_phones": True,
                "max_results": task.leads,
                "_page": page,
                "_per_page": ROWS_PER_PAGE,
            }
            answer = session.post(f"{task.dievio_url}/api/public/search", json=body, timeout=TIMEOUT_SECONDS)
            answer.raise_for_status()
            document = answer.json()
            yield from document["preview_data"]
            page = document["next_page"]


def lead_fields(row: Row) -> Fields:
    """Return the fields of a Salesforce Lead, as a script names them."""
    location = row["location"]
    return {
        "FirstName": row["first_name"],
        "LastName": row["last_name"],
        "Company": row["company_name"],
        "Title": row["job_title"],
        "Email": row["email"],
        "Phone": row["phone"],
        "Website": f"https://{row['company_domain']}",
        "City": location["locality"],
        "State": location["region"],
        "Country": location["country"],
        "NumberOfEmployees": row["employee_count"],
        "LinkedIn_URL__c": row["linkedin_url"],
        "Company_Domain__c": row["company_domain"],
        "Original_Source__c": "Dievio",
        "Last_Enriched_At__c": row["last_enriched_at"],
    }
